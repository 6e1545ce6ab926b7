mock_provider "aws" {
  source = "../../mocks"
}

variables {
  function_name   = "processor"
  timeout_seconds = 300
  topic_arn       = "arn:aws:sns:us-east-1:123456789012:failure"
}

run "publishes_each_alarm_to_the_topic" {
  command = plan

  assert {
    condition     = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.metric_name } == { errors = "Errors", throttles = "Throttles", duration = "Duration" }
    error_message = "A function must have three alarms."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.dimensions["FunctionName"] == "processor" && alarm.alarm_actions == toset([var.topic_arn])])
    error_message = "An alarm evaluates another function, or is not published to the topic."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["duration"].threshold == 240000
    error_message = "The threshold must be 80 % of the timeout, in milliseconds."
  }
}

run "rejects_a_share_in_percent" {
  command = plan

  variables {
    duration_share = 80
  }

  expect_failures = [var.duration_share]
}

run "can_have_no_topic" {
  command = plan

  variables {
    topic_arn = null
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : length(alarm.alarm_actions) == 0])
    error_message = "Without a topic, alarms have no actions."
  }
}
