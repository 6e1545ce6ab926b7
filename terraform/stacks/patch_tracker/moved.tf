# Former addresses of resources. Without these blocks, Terraform would delete and create them again.

moved {
  from = module.code
  to   = module.functions.module.code[0]
}

moved {
  from = module.layer
  to   = module.functions.module.layer
}

moved {
  from = module.function
  to   = module.functions.module.function
}

moved {
  from = module.function_alarms
  to   = module.functions.module.function_alarms
}

moved {
  from = aws_cloudwatch_metric_alarm.stale["fetch_patches"]
  to   = module.stale["fetch_patches"].aws_cloudwatch_metric_alarm.this
}

moved {
  from = aws_cloudwatch_metric_alarm.stale["fetch_discussions"]
  to   = module.stale["fetch_discussions"].aws_cloudwatch_metric_alarm.this
}

moved {
  from = aws_cloudwatch_dashboard.this
  to   = module.dashboard[0].aws_cloudwatch_dashboard.this
}
