#!/usr/bin/env bash
# Puts the new engine in the place of the former one: next/ mirrors the repository's root. Run it once, look, test, commit.
set -euo pipefail
cd "$(dirname "$0")/.."
git rm -rq --ignore-unmatch shared functions tests benchmarks events next/pytest.ini
git rm -q next/shared/remodel next/shared/measures next/shared/shop # links to the folders below
rm -rf shared functions tests benchmarks events
mkdir shared
git mv next/remodel next/measures next/shop next/shared/* shared/
git mv next/functions next/tests next/benchmarks next/events .
git mv -f next/docs/*.md docs/
git mv -f next/template.yaml next/samconfig.toml next/README.md next/pyproject.toml next/Makefile .
git rm -q next/switch.sh
rm -rf next
