# The alarm evaluates each hour. With a single long period, it could start only after twice that period. FILL counts
# hours without data as 0; otherwise CloudWatch would evaluate earlier hours instead:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
resource "aws_cloudwatch_metric_alarm" "this" {
  alarm_name          = var.name
  alarm_description   = "${var.description} for ${var.hours} hours. What to do: docs/operations.md#${var.runbook}"
  evaluation_periods  = var.hours
  datapoints_to_alarm = var.hours
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  # FILL returns nothing if the metric has no data at all.
  treat_missing_data = "breaching"
  alarm_actions      = [var.topic_arn]
  ok_actions         = [var.topic_arn]

  metric_query {
    id          = "each_hour"
    expression  = "FILL(emitted, 0)"
    label       = "${var.metric_name} of each hour"
    return_data = true
  }

  metric_query {
    id = "emitted"

    metric {
      namespace   = var.namespace
      metric_name = var.metric_name
      dimensions  = var.dimensions
      period      = 3600
      stat        = var.statistic
    }
  }
}
