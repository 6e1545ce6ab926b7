output "bucket" {
  description = "Bucket with the reports: `reports/latest.json` leads to the newest set."
  value       = module.data.name
}

output "state_machine_arn" {
  description = "ARN of the state machine, to start an execution by hand."
  value       = module.state_machine.arn
}

output "functions" {
  description = "Names of the functions."
  value       = { for name, function in module.functions.functions : name => function.name }
}

output "function_versions" {
  description = "Version of each function that was published last; `live_versions` takes an earlier one."
  value       = { for name, function in module.functions.functions : name => function.version }
}

output "layer_arns" {
  description = "ARN of each layer version."
  value       = module.functions.layer_arns
}

output "topics" {
  description = "Topics of successes and of failures and alarms."
  value       = { success = module.report_topic.arn, failure = module.alarm_topic.arn }
}

output "dead_letter_queue_url" {
  description = "Queue of schedules that could not start an execution."
  value       = module.dead_letters.url
}

output "commands" {
  description = "What can be done with it by hand, and the command for each."

  value = {
    "make a report now"    = "aws stepfunctions start-execution --region ${var.region} --state-machine-arn ${module.state_machine.arn} --input '{}'"
    "get the newest files" = "aws s3 cp --region ${var.region} --recursive s3://${module.data.name}/reports/latest/ latest/"
  }
}
