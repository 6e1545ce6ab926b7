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
      metrics = [for name in keys(local.settings) : [module.functions.metrics_namespace, "StageDuration", "service", name]]
      stat    = "Maximum"
      period  = 86400
    },
    {
      title   = "Pairs of region and service"
      metrics = [[module.functions.metrics_namespace, "Pairs", "service", "processor"]]
      stat    = "Maximum"
      period  = 86400
    },
    {
      title   = "Failed invocations"
      metrics = [for function in module.functions.functions : ["AWS/Lambda", "Errors", "FunctionName", function.name]]
    },
  ]
}
