module "dashboard" {
  source = "../../modules/dashboard"
  count  = var.dashboard ? 1 : 0

  name   = "${local.name}-sync"
  region = var.region

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

# An object of the same name must not be deleted after it was made.
moved {
  from = aws_cloudwatch_dashboard.this
  to   = module.dashboard[0].aws_cloudwatch_dashboard.this
}
