locals {
  # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
  execution_alarms = {
    failed = {
      metric      = "ExecutionsFailed"
      description = "failed"
    }
    timed-out = {
      metric      = "ExecutionsTimedOut"
      description = "took longer than all attempts together may take"
    }
    aborted = {
      metric      = "ExecutionsAborted"
      description = "was stopped by a user"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "execution" {
  for_each = local.execution_alarms

  alarm_name          = "${local.name}-execution-${each.key}"
  alarm_description   = "An execution of the region report ${each.value.description}. What to do: docs/operations.md#execution-${each.key}"
  namespace           = "AWS/States"
  metric_name         = each.value.metric
  dimensions          = { StateMachineArn = module.state_machine.arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.alarm_topic.arn]
  ok_actions          = [module.alarm_topic.arn]
}

resource "aws_cloudwatch_metric_alarm" "after_publishing" {
  alarm_name          = "${local.name}-after-publishing"
  alarm_description   = "A report was published, but copying it or cleaning up failed. What to do: docs/operations.md#after-publishing"
  namespace           = module.functions.metrics_namespace
  metric_name         = "StepsFailedAfterPublishing"
  dimensions          = { service = "report_orchestrator" }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.alarm_topic.arn]
}

# This alarm covers all causes: it evaluates only whether reports are published.
module "late" {
  source = "../../modules/heartbeat_alarm"
  count  = var.schedule_enabled ? 1 : 0

  name        = "${local.name}-report-late"
  description = "No region report was published"
  runbook     = "report-late"
  namespace   = module.functions.metrics_namespace
  metric_name = "ReportsPublished"
  dimensions  = { service = "report_orchestrator" }
  hours       = var.late_hours
  topic_arn   = module.alarm_topic.arn
}

resource "aws_cloudwatch_metric_alarm" "held_back" {
  alarm_name          = "${local.name}-report-held-back"
  alarm_description   = "A region report was not published, because it has far fewer pairs of region and service than the previous report. What to do: docs/operations.md#report-held-back"
  namespace           = module.functions.metrics_namespace
  metric_name         = "HeldBack"
  dimensions          = { service = "report_orchestrator" }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.alarm_topic.arn]
}
