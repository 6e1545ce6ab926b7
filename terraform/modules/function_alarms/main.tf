locals {
  # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
  alarms = {
    errors = {
      metric      = "Errors"
      statistic   = "Sum"
      threshold   = 1
      description = "failed: it raised an error, ran out of time or memory, or could not be loaded"
    }
    throttles = {
      metric      = "Throttles"
      statistic   = "Sum"
      threshold   = 1
      description = "was throttled, because too many functions of the account run at once"
    }
    duration = {
      metric      = "Duration"
      statistic   = "Maximum"
      threshold   = var.timeout_seconds * 1000 * var.duration_share
      description = "used more than ${floor(var.duration_share * 100)} % of its ${var.timeout_seconds} seconds"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.function_name}-${each.key}"
  alarm_description   = "${var.function_name} ${each.value.description}. What to do: docs/operations.md#${each.key}"
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = var.function_name }
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  # The function does not run all the time.
  treat_missing_data = "notBreaching"
  alarm_actions      = compact([var.topic_arn])
  ok_actions         = compact([var.topic_arn])
}
