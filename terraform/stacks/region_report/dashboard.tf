locals {
  widgets = [
    {
      title   = "Executions"
      metrics = [for metric in ["ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"] : ["AWS/States", metric, "StateMachineArn", module.state_machine.arn]]
      stat    = "Sum"
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
      stat    = "Sum"
      period  = 3600
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "${local.name}-region-report"

  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.widgets : {
        type   = "metric"
        x      = index % 2 * 12
        y      = floor(index / 2) * 6
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          region  = var.region
          metrics = widget.metrics
          stat    = widget.stat
          period  = widget.period
          view    = "timeSeries"
        }
      }
    ]
  })
}
