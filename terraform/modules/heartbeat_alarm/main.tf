# Hour by hour, and not one long period: a long one would ring as late as twice its length. Hours in
# which nothing was told count as 0, since CloudWatch would look at earlier ones in their place:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
resource "aws_cloudwatch_metric_alarm" "this" {
  alarm_name          = var.name
  alarm_description   = "${var.description} for ${var.hours} hours. What to do: docs/operations.md#${var.runbook}"
  evaluation_periods  = var.hours
  datapoints_to_alarm = var.hours
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  # Where there was never anything to fill up, nothing was ever done.
  treat_missing_data = "breaching"
  alarm_actions      = [var.topic_arn]
  ok_actions         = [var.topic_arn]

  metric_query {
    id          = "each_hour"
    expression  = "FILL(told, 0)"
    label       = "${var.metric_name} of each hour"
    return_data = true
  }

  metric_query {
    id = "told"

    metric {
      namespace   = var.namespace
      metric_name = var.metric_name
      dimensions  = var.dimensions
      period      = 3600
      stat        = var.statistic
    }
  }
}
