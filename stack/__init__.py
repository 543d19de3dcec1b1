"""The template of any model: `template.yaml`, with the parts that follow from its own model written anew for another one."""
