# Former addresses of resources. Without these blocks, Terraform would delete and create them again.

moved {
  from = module.code
  to   = module.checkpoint.module.function.module.code[0]
}

moved {
  from = module.layer
  to   = module.checkpoint.module.function.module.layer
}

moved {
  from = module.function["event_log_checkpoint"]
  to   = module.checkpoint.module.function.module.function["event_log_checkpoint"]
}

moved {
  from = module.function["event_log_backfill"]
  to   = module.backfill_function.module.function["event_log_backfill"]
}

moved {
  from = module.function_alarms["event_log_checkpoint"]
  to   = module.checkpoint.module.function.module.function_alarms["event_log_checkpoint"]
}

moved {
  from = module.function_alarms["event_log_backfill"]
  to   = module.backfill_function.module.function_alarms["event_log_backfill"]
}

moved {
  from = aws_cloudwatch_metric_alarm.late[0]
  to   = module.late[0].aws_cloudwatch_metric_alarm.this
}

moved {
  from = aws_cloudwatch_metric_alarm.backfill
  to   = aws_cloudwatch_metric_alarm.backfill["failed"]
}
