# This alarm covers all causes, such as an outage, a schedule that does not start, or a lost event.
module "stale" {
  source   = "../../modules/heartbeat_alarm"
  for_each = var.schedule_enabled ? toset(["fetch_patches", "fetch_discussions"]) : []

  name        = "${local.name}-${replace(each.key, "_", "-")}-stale"
  description = "No run of ${each.key} succeeded"
  runbook     = "stale"
  namespace   = module.functions.metrics_namespace
  metric_name = "RunsSucceeded"
  dimensions  = { service = each.key }
  hours       = var.stale_hours
  topic_arn   = module.alarm_topic.arn
}

resource "aws_cloudwatch_metric_alarm" "mails_failed" {
  for_each = toset(["fetch_discussions", "refresh_discussions"])

  alarm_name          = "${local.name}-${replace(each.key, "_", "-")}-mails-failed"
  alarm_description   = "${each.key} could not store some mails. What to do: docs/operations.md#mails-failed"
  namespace           = module.functions.metrics_namespace
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
