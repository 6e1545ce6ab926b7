module "dashboard" {
  source = "../../modules/dashboard"
  count  = var.dashboard ? 1 : 0

  name   = "${local.name}-sync"
  region = var.region

  widgets = [
    {
      title   = "Successful runs"
      metrics = [for name in keys(local.settings) : [module.functions.metrics_namespace, "RunsSucceeded", "service", name]]
    },
    {
      title   = "Failed invocations"
      metrics = [for function in module.functions.functions : ["AWS/Lambda", "Errors", "FunctionName", function.name]]
    },
    {
      title   = "Patches and mails written"
      metrics = concat([[module.functions.metrics_namespace, "PatchesWritten", "service", "fetch_patches"]], [for name in ["fetch_discussions", "refresh_discussions"] : [module.functions.metrics_namespace, "MailsWritten", "service", name]])
    },
    {
      title   = "Requests and failed requests"
      metrics = concat([for metric in ["PatchworkRequests", "PatchworkFailures"] : [module.functions.metrics_namespace, metric, "service", "fetch_patches"]], [for metric in ["LoreRequests", "LoreFailures"] : [module.functions.metrics_namespace, metric, "service", "fetch_discussions"]])
    },
  ]
}
