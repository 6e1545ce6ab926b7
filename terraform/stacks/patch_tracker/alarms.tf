module "function_alarms" {
  source   = "../../modules/function_alarms"
  for_each = local.functions

  function_name   = module.function[each.key].name
  timeout_seconds = each.value.timeout_seconds
  topic_arn       = module.alarm_topic.arn
}

locals {
  namespace = local.functions.fetch_patches.environment.POWERTOOLS_METRICS_NAMESPACE
}

# Whatever the reason: an outage that lasts, a schedule that starts nothing, a hand-over that is lost.
resource "aws_cloudwatch_metric_alarm" "stale" {
  for_each = var.schedule_enabled ? toset(["fetch_patches", "fetch_discussions"]) : []

  alarm_name          = "${local.name}-${replace(each.key, "_", "-")}-stale"
  alarm_description   = "No run of ${each.key} succeeded for ${var.stale_hours} hours. What to do: docs/operations.md#stale"
  namespace           = local.namespace
  metric_name         = "RunsSucceeded"
  dimensions          = { service = each.key }
  statistic           = "Sum"
  period              = var.stale_hours * 3600
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = [module.alarm_topic.arn]
  ok_actions          = [module.alarm_topic.arn]
}

resource "aws_cloudwatch_metric_alarm" "mails_failed" {
  for_each = toset(["fetch_discussions", "refresh_discussions"])

  alarm_name          = "${local.name}-${replace(each.key, "_", "-")}-mails-failed"
  alarm_description   = "${each.key} could not store some mails. What to do: docs/operations.md#mails-failed"
  namespace           = local.namespace
  metric_name         = "MailsFailed"
  dimensions          = { service = each.key }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.alarm_topic.arn]
  ok_actions          = [module.alarm_topic.arn]
}
