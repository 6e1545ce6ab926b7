module "dashboard" {
  source = "../../modules/dashboard"
  count  = var.dashboard ? 1 : 0

  name   = "${local.name}-checkpoint"
  region = var.region

  widgets = [
    {
      title   = "Event files: rejected, filtered, and left for the next run"
      metrics = [for metric in ["EventsFailed", "EventsFiltered", "ObjectsDeferred"] : [module.checkpoint.metrics_namespace, metric, "service", "event_log_checkpoint"]]
    },
    {
      title   = "Failed invocations, and checkpoints that could not be saved"
      metrics = concat([for name in values(local.function_names) : ["AWS/Lambda", "Errors", "FunctionName", name]], [[module.checkpoint.metrics_namespace, "GroupsFailed", "service", "event_log_checkpoint"]])
    },
    {
      title   = "Duration of a run"
      metrics = [[module.checkpoint.metrics_namespace, "ExecutionTime", "service", "event_log_checkpoint"]]
      stat    = "Maximum"
    },
    {
      title   = "New events"
      metrics = [[module.checkpoint.metrics_namespace, "NewEventsProcessed", "service", "event_log_checkpoint"]]
    },
    {
      title   = "Events in the checkpoint"
      metrics = [[module.checkpoint.metrics_namespace, "TotalEvents", "service", "event_log_checkpoint"]]
      stat    = "Maximum"
    },
    {
      title   = "Size of the checkpoint in bytes"
      metrics = [[module.checkpoint.metrics_namespace, "CheckpointFileSize", "service", "event_log_checkpoint"]]
      stat    = "Maximum"
    },
  ]
}
