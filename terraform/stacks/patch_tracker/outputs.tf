output "tables" {
  description = "Full names of the tables, by their names in `tables.json`."
  value       = { for name, table in module.table : name => table.name }
}

output "functions" {
  description = "Full names of the functions, by their names in `lambda/functions.json`."
  value       = { for name, function in module.functions.functions : name => function.name }
}

output "function_versions" {
  description = "Latest version of each function. Set `live_versions` to roll back to an earlier version."
  value       = { for name, function in module.functions.functions : name => function.version }
}

output "layer_arns" {
  description = "ARNs of the layer versions, by layer."
  value       = module.functions.layer_arns
}

output "schedules" {
  description = "Full names of the schedules, by their short names."
  value       = { for name, schedule in module.schedule : name => schedule.name }
}

output "dead_letter_queue_url" {
  description = "URL of the queue of events that failed on the last attempt."
  value       = module.dead_letters.url
}

output "commands" {
  description = "Commands for manual tasks."

  value = {
    "read changes now" = "aws lambda invoke --region ${var.region} --invocation-type Event --function-name ${module.functions.functions["fetch_patches"].name}:live /dev/stdout"
    "follow the log"   = "aws logs tail --region ${var.region} --follow ${module.functions.functions["fetch_patches"].log_group_name}"
  }
}
