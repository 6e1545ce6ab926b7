locals {
  dimensions = { service = "event_log_checkpoint" }
}

# This alarm covers all causes: it evaluates only whether runs end.
module "late" {
  source = "../../modules/heartbeat_alarm"
  count  = var.schedule_enabled ? 1 : 0

  name        = "${local.name}-checkpoint-late"
  description = "No run of the event log checkpoint ended"
  runbook     = "checkpoint-late"
  namespace   = module.checkpoint.metrics_namespace
  metric_name = "ExecutionTime"
  dimensions  = local.dimensions
  statistic   = "SampleCount"
  hours       = var.late_hours
  topic_arn   = module.alarm_topic.arn
}

resource "aws_cloudwatch_metric_alarm" "refused" {
  alarm_name          = "${local.name}-events-refused"
  alarm_description   = "More than ${var.max_refused_share} % of the new event files were rejected. What to do: docs/operations.md#events-refused"
  evaluation_periods  = 1
  threshold           = var.max_refused_share
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.alarm_topic.arn]

  metric_query {
    id          = "share"
    expression  = "IF(refused > 0, 100 * refused / (refused + FILL(added, 0)), 0)"
    label       = "rejected, in percent"
    return_data = true
  }

  metric_query {
    id = "refused"

    metric {
      namespace   = module.checkpoint.metrics_namespace
      metric_name = "EventsFailed"
      dimensions  = local.dimensions
      period      = 3600
      stat        = "Sum"
    }
  }

  metric_query {
    id = "added"

    metric {
      namespace   = module.checkpoint.metrics_namespace
      metric_name = "NewEventsProcessed"
      dimensions  = local.dimensions
      period      = 3600
      stat        = "Sum"
    }
  }
}

# A run may leave files for the next run. If every run does, the checkpoint never catches up.
resource "aws_cloudwatch_metric_alarm" "behind" {
  alarm_name          = "${local.name}-checkpoint-behind"
  alarm_description   = "For six hours, each run of the event log checkpoint has left event files for the next run. What to do: docs/operations.md#checkpoint-behind"
  namespace           = module.checkpoint.metrics_namespace
  metric_name         = "ObjectsDeferred"
  dimensions          = local.dimensions
  statistic           = "Minimum"
  period              = 3600
  evaluation_periods  = 6
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.alarm_topic.arn]
  ok_actions          = [module.alarm_topic.arn]
}

resource "aws_cloudwatch_metric_alarm" "groups_failed" {
  alarm_name          = "${local.name}-groups-failed"
  alarm_description   = "Checkpoints of some studies or datatypes could not be saved. What to do: docs/operations.md#groups-failed"
  namespace           = module.checkpoint.metrics_namespace
  metric_name         = "GroupsFailed"
  dimensions          = local.dimensions
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.alarm_topic.arn]
  ok_actions          = [module.alarm_topic.arn]
}

locals {
  # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
  backfill_alarms = {
    failed    = { metric = "ExecutionsFailed", description = "failed" }
    timed-out = { metric = "ExecutionsTimedOut", description = "did not end within ${local.backfill_seconds / 3600} hours" }
    aborted   = { metric = "ExecutionsAborted", description = "was stopped by a user" }
  }
}

resource "aws_cloudwatch_metric_alarm" "backfill" {
  for_each = local.backfill_alarms

  alarm_name          = "${local.name}-backfill-${each.key}"
  alarm_description   = "A backfill of the event log checkpoint ${each.value.description}. What to do: docs/operations.md#backfill-ended"
  namespace           = "AWS/States"
  metric_name         = each.value.metric
  dimensions          = { StateMachineArn = module.backfill.arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.alarm_topic.arn]
}
