locals {
  widgets = [
    {
      title   = "Runs that succeeded"
      metrics = [for name in keys(local.functions) : [local.namespace, "RunsSucceeded", "service", name]]
    },
    {
      title   = "Failed functions"
      metrics = [for function in module.function : ["AWS/Lambda", "Errors", "FunctionName", function.name]]
    },
    {
      title   = "Patches and mails that were written"
      metrics = concat([[local.namespace, "PatchesWritten", "service", "fetch_patches"]], [for name in ["fetch_discussions", "refresh_discussions"] : [local.namespace, "MailsWritten", "service", name]])
    },
    {
      title   = "Requests, and those that failed"
      metrics = concat([for metric in ["PatchworkRequests", "PatchworkFailures"] : [local.namespace, metric, "service", "fetch_patches"]], [for metric in ["LoreRequests", "LoreFailures"] : [local.namespace, metric, "service", "fetch_discussions"]])
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "${local.name}-sync"

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
          stat    = "Sum"
          period  = 3600
          view    = "timeSeries"
        }
      }
    ]
  })
}
