// Copies one table with copy-dynamodb-table: node copy_table.js ENDPOINT REGION SOURCE DESTINATION
const { copy } = require('copy-dynamodb-table')
const [endpoint, region, source, destination] = process.argv.slice(2)
const config = { endpoint, region, accessKeyId: 'local', secretAccessKey: 'local' }

copy({ config, source: { tableName: source }, destination: { tableName: destination } }, (problem, result) => {
  if (problem) throw problem
  console.log(JSON.stringify(result))
})
