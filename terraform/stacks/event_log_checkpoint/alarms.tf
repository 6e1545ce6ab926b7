module "function_alarms" {
  source   = "../../modules/function_alarms"
  for_each = local.functions

  function_name   = module.function[each.key].name
  timeout_seconds = each.value.timeout_seconds
  topic_arn       = module.alarm_topic.arn
}

locals {
  namespace  = local.functions.event_log_checkpoint.environment.POWERTOOLS_METRICS_NAMESPACE
  dimensions = { service = "event_log_checkpoint" }
}

# No run for a day, whatever the reason: missing data is the alarm.
resource "aws_cloudwatch_metric_alarm" "late" {
  count = var.schedule_enabled ? 1 : 0

  alarm_name          = "${local.name}-checkpoint-late"
  alarm_description   = "No run of the event log checkpoint ended for a day. What to do: docs/operations.md#checkpoint-late"
  namespace           = local.namespace
  metric_name         = "ExecutionTime"
  dimensions          = local.dimensions
  statistic           = "SampleCount"
  period              = 86400
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = [module.alarm_topic.arn]
  ok_actions          = [module.alarm_topic.arn]
}

resource "aws_cloudwatch_metric_alarm" "refused" {
  alarm_name          = "${local.name}-events-refused"
  alarm_description   = "More than ${var.max_refused_share} % of the new event files were refused. What to do: docs/operations.md#events-refused"
  evaluation_periods  = 1
  threshold           = var.max_refused_share
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.alarm_topic.arn]

  metric_query {
    id          = "share"
    expression  = "IF(refused > 0, 100 * refused / (refused + FILL(added, 0)), 0)"
    label       = "refused, in percent"
    return_data = true
  }

  metric_query {
    id = "refused"

    metric {
      namespace   = local.namespace
      metric_name = "EventsFailed"
      dimensions  = local.dimensions
      period      = 3600
      stat        = "Sum"
    }
  }

  metric_query {
    id = "added"

    metric {
      namespace   = local.namespace
      metric_name = "NewEventsProcessed"
      dimensions  = local.dimensions
      period      = 3600
      stat        = "Sum"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "groups_failed" {
  alarm_name          = "${local.name}-groups-failed"
  alarm_description   = "Checkpoints of some studies or datatypes could not be saved. What to do: docs/operations.md#groups-failed"
  namespace           = local.namespace
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

resource "aws_cloudwatch_metric_alarm" "backfill" {
  alarm_name          = "${local.name}-backfill-failed"
  alarm_description   = "A backfill of the event log checkpoint failed. What to do: docs/operations.md#backfill-failed"
  namespace           = "AWS/States"
  metric_name         = "ExecutionsFailed"
  dimensions          = { StateMachineArn = module.backfill.arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.alarm_topic.arn]
}
