module "dashboard" {
  source = "../../modules/dashboard"
  count  = var.dashboard ? 1 : 0

  name   = "${local.name}-region-report"
  region = var.region

  widgets = [
    {
      title   = "Executions"
      metrics = [for metric in ["ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"] : ["AWS/States", metric, "StateMachineArn", module.state_machine.arn]]
      period  = 86400
    },
    {
      title   = "Seconds by stage"
      metrics = [for name in keys(local.functions) : [local.namespace, "StageDuration", "service", name]]
      stat    = "Maximum"
      period  = 86400
    },
    {
      title   = "Pairs of region and service"
      metrics = [[local.namespace, "Pairs", "service", "processor"]]
      stat    = "Maximum"
      period  = 86400
    },
    {
      title   = "Failed functions"
      metrics = [for function in module.function : ["AWS/Lambda", "Errors", "FunctionName", function.name]]
    },
  ]
}

# An object of the same name must not be deleted after it was made.
moved {
  from = aws_cloudwatch_dashboard.this
  to   = module.dashboard[0].aws_cloudwatch_dashboard.this
}
