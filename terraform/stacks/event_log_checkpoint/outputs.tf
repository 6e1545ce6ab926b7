output "source_bucket" {
  description = "Name of the bucket with the event files."
  value       = local.source
}

output "checkpoint_bucket" {
  description = "Name of the bucket with the checkpoints and the lists of rejected files."
  value       = module.checkpoints.name
}

output "functions" {
  description = "Full names of the functions, by their names in `lambda/functions.json`."
  value       = local.function_names
}

output "function_versions" {
  description = "Latest version of each function. Set `live_versions` to roll back to an earlier version."

  value = {
    event_log_backfill   = module.backfill_function.functions["event_log_backfill"].version
    event_log_checkpoint = module.checkpoint.function_version
  }
}

output "layer_arns" {
  description = "ARNs of the layer versions, by layer."
  value       = module.checkpoint.layer_arns
}

output "backfill_arn" {
  description = "ARN of the state machine of the backfill."
  value       = module.backfill.arn
}

output "dead_letter_queue_url" {
  description = "URL of the queue of events that failed on the last attempt."
  value       = module.dead_letters.url
}

output "glue_table" {
  description = "Table for queries with Athena: `database.table`."
  value       = "${aws_glue_catalog_database.this.name}.${aws_glue_catalog_table.this.name}"
}

output "commands" {
  description = "Commands for manual tasks."

  value = {
    "read new event files now" = "aws lambda invoke --region ${var.region} --cli-read-timeout 0 --function-name ${module.checkpoint.function_name}:live /dev/stdout"
    "read all event files"     = "aws stepfunctions start-execution --region ${var.region} --state-machine-arn ${module.backfill.arn} --input '{}'"
    "see the checkpoints"      = "aws s3 ls --region ${var.region} --recursive s3://${module.checkpoints.name}/checkpoints/"
  }
}
