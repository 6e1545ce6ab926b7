output "source_bucket" {
  description = "Bucket with the event files."
  value       = local.source
}

output "checkpoint_bucket" {
  description = "Bucket with the checkpoints, and what was refused beside them."
  value       = module.checkpoints.name
}

output "functions" {
  description = "Names of the functions."
  value       = local.function_names
}

output "function_versions" {
  description = "Version of each function that was published last; `live_versions` takes an earlier one."

  value = {
    event_log_backfill   = module.backfill_function.functions["event_log_backfill"].version
    event_log_checkpoint = module.checkpoint.function_version
  }
}

output "layer_arns" {
  description = "ARN of each layer version."
  value       = module.checkpoint.layer_arns
}

output "backfill_arn" {
  description = "ARN of the backfill's state machine."
  value       = module.backfill.arn
}

output "dead_letter_queue_url" {
  description = "Queue of runs that failed for the last time."
  value       = module.dead_letters.url
}

output "glue_table" {
  description = "Table for Athena: `database.table`."
  value       = "${aws_glue_catalog_database.this.name}.${aws_glue_catalog_table.this.name}"
}

output "commands" {
  description = "What can be done with it by hand, and the command for each."

  value = {
    "read new event files now" = "aws lambda invoke --region ${var.region} --cli-read-timeout 0 --function-name ${module.checkpoint.function_name}:live /dev/stdout"
    "read all event files"     = "aws stepfunctions start-execution --region ${var.region} --state-machine-arn ${module.backfill.arn} --input '{}'"
    "see the checkpoints"      = "aws s3 ls --region ${var.region} --recursive s3://${module.checkpoints.name}/checkpoints/"
  }
}
