output "bucket" {
  description = "Name of the bucket with the reports. `reports/latest.json` points to the latest set."
  value       = module.data.name
}

output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.state_machine.arn
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

output "topics" {
  description = "ARNs of the topics for new reports (`success`) and for failures and alarms (`failure`)."
  value       = { success = module.report_topic.arn, failure = module.alarm_topic.arn }
}

output "dead_letter_queue_url" {
  description = "URL of the queue of scheduled executions that could not start."
  value       = module.dead_letters.url
}

output "commands" {
  description = "Commands for manual tasks."

  value = {
    "create a report now"  = "aws stepfunctions start-execution --region ${var.region} --state-machine-arn ${module.state_machine.arn} --input '{}'"
    "get the latest files" = "aws s3 cp --region ${var.region} --recursive s3://${module.data.name}/reports/latest/ latest/"
  }
}
