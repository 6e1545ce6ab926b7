module "dashboard" {
  source = "../../modules/dashboard"
  count  = var.dashboard ? 1 : 0

  name   = "${local.name}-checkpoint"
  region = var.region

  widgets = [
    {
      title   = "Event files: refused, left out, and left to the next run"
      metrics = [for metric in ["EventsFailed", "EventsFiltered", "ObjectsDeferred"] : [local.namespace, metric, "service", "event_log_checkpoint"]]
    },
    {
      title   = "Failed functions, and checkpoints that could not be saved"
      metrics = concat([for function in module.function : ["AWS/Lambda", "Errors", "FunctionName", function.name]], [[local.namespace, "GroupsFailed", "service", "event_log_checkpoint"]])
    },
    {
      title   = "Seconds of a run"
      metrics = [[local.namespace, "ExecutionTime", "service", "event_log_checkpoint"]]
      stat    = "Maximum"
    },
    {
      title   = "New events"
      metrics = [[local.namespace, "NewEventsProcessed", "service", "event_log_checkpoint"]]
    },
    {
      title   = "Events in the checkpoint"
      metrics = [[local.namespace, "TotalEvents", "service", "event_log_checkpoint"]]
      stat    = "Maximum"
    },
    {
      title   = "Bytes of the checkpoint"
      metrics = [[local.namespace, "CheckpointFileSize", "service", "event_log_checkpoint"]]
      stat    = "Maximum"
    },
  ]
}
