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

run "it_rings_after_so_many_hours_of_nothing" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.this.evaluation_periods == 26 && aws_cloudwatch_metric_alarm.this.datapoints_to_alarm == 26 && aws_cloudwatch_metric_alarm.this.treat_missing_data == "breaching"
    error_message = "Each of the last hours counts, and nothing counts as nothing."
  }

  assert {
    condition     = [for query in aws_cloudwatch_metric_alarm.this.metric_query : query.metric[0].period if length(query.metric) > 0] == [3600]
    error_message = "It looks at each hour."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this.alarm_actions == toset([var.topic_arn]) && aws_cloudwatch_metric_alarm.this.ok_actions == toset([var.topic_arn])
    error_message = "The topic is told of both."
  }
}

run "longer_than_cloudwatch_looks_back" {
  command = plan

  variables {
    hours = 169
  }

  expect_failures = [var.hours]
}

run "half_an_hour" {
  command = plan

  variables {
    hours = 1.5
  }

  expect_failures = [var.hours]
}

run "a_statistic_that_counts_nothing" {
  command = plan

  variables {
    statistic = "Average"
  }

  expect_failures = [var.statistic]
}
