mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name   = "any"
  region = "eu-west-1"

  widgets = [
    { title = "First", metrics = [["AWS/Lambda", "Errors", "FunctionName", "any"]] },
    { title = "Second", metrics = [["AWS/Lambda", "Duration", "FunctionName", "any"]], stat = "Maximum", period = 86400 },
    { title = "Third", metrics = [["Any", "Other"]] },
  ]
}

run "widgets_lie_two_by_two" {
  assert {
    condition     = [for one in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : [one.x, one.y]] == [[0, 0], [12, 0], [0, 6]]
    error_message = "A widget lies on another."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets[1].properties == {
      metrics = [["AWS/Lambda", "Duration", "FunctionName", "any"]]
      period  = 86400
      region  = "eu-west-1"
      stat    = "Maximum"
      title   = "Second"
      view    = "timeSeries"
    }
    error_message = "A widget shows something else than it was told."
  }
}

run "a_dimension_without_its_value" {
  command = plan

  variables {
    widgets = [{ title = "First", metrics = [["AWS/Lambda", "Errors", "FunctionName"]] }]
  }

  expect_failures = [var.widgets]
}

run "a_period_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    widgets = [{ title = "First", metrics = [["Any", "Other"]], period = 90 }]
  }

  expect_failures = [var.widgets]
}
