mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "late"
  description = "No report was published"
  runbook     = "report-late"
  namespace   = "RegionReport/dev"
  metric_name = "ReportsPublished"
  dimensions  = { service = "report_orchestrator" }
  hours       = 26
  topic_arn   = "arn:aws:sns:us-east-1:123456789012:failure"
}

run "starts_after_the_given_hours_without_data" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.this.evaluation_periods == 26 && aws_cloudwatch_metric_alarm.this.datapoints_to_alarm == 26 && aws_cloudwatch_metric_alarm.this.treat_missing_data == "breaching"
    error_message = "Hours without data must count."
  }

  assert {
    condition     = [for query in aws_cloudwatch_metric_alarm.this.metric_query : query.metric[0].period if length(query.metric) > 0] == [3600]
    error_message = "The alarm must evaluate each hour."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this.alarm_actions == toset([var.topic_arn]) && aws_cloudwatch_metric_alarm.this.ok_actions == toset([var.topic_arn])
    error_message = "The alarm and its end must be published to the topic."
  }
}

run "rejects_more_hours_than_cloudwatch_evaluates" {
  command = plan

  variables {
    hours = 169
  }

  expect_failures = [var.hours]
}

run "rejects_a_part_of_an_hour" {
  command = plan

  variables {
    hours = 1.5
  }

  expect_failures = [var.hours]
}

run "rejects_a_statistic_that_does_not_count" {
  command = plan

  variables {
    statistic = "Average"
  }

  expect_failures = [var.statistic]
}
