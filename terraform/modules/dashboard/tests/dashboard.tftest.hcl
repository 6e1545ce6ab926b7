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

run "places_two_widgets_in_each_row" {
  assert {
    condition     = [for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : [widget.x, widget.y]] == [[0, 0], [12, 0], [0, 6]]
    error_message = "Two widgets overlap."
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
    error_message = "A widget does not show its metric."
  }
}

run "rejects_a_dimension_without_a_value" {
  command = plan

  variables {
    widgets = [{ title = "First", metrics = [["AWS/Lambda", "Errors", "FunctionName"]] }]
  }

  expect_failures = [var.widgets]
}

run "rejects_a_period_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    widgets = [{ title = "First", metrics = [["Any", "Other"]], period = 90 }]
  }

  expect_failures = [var.widgets]
}
