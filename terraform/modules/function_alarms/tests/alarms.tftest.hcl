mock_provider "aws" {}

variables {
  function_name   = "processor"
  timeout_seconds = 300
  topic_arn       = "arn:aws:sns:us-east-1:123456789012:failure"
}

run "each_alarm_watches_the_function_and_tells_the_topic" {
  command = plan

  assert {
    condition     = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.metric_name } == { errors = "Errors", throttles = "Throttles", duration = "Duration" }
    error_message = "A function has three alarms."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.dimensions["FunctionName"] == "processor" && alarm.alarm_actions == toset([var.topic_arn])])
    error_message = "An alarm watches another function, or tells nobody."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["duration"].threshold == 240000
    error_message = "Near the timeout is 80 % of it, in milliseconds."
  }
}

run "a_share_that_is_none" {
  command = plan

  variables {
    duration_share = 80
  }

  expect_failures = [var.duration_share]
}
