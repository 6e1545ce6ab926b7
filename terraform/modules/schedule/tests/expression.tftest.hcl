mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/any"
    }
  }
}

variables {
  name                  = "daily"
  expression            = "cron(0 6 * * ? *)"
  target_arn            = "arn:aws:states:us-east-1:123456789012:stateMachine:any"
  target_action         = "states:StartExecution"
  dead_letter_queue_arn = "arn:aws:sqs:us-east-1:123456789012:any"
  kms_key_arn           = "arn:aws:kms:us-east-1:123456789012:key/1"
}

run "a_schedule_starts_its_target" {
  command = apply

  assert {
    condition     = aws_scheduler_schedule.this.target[0].arn == var.target_arn && aws_scheduler_schedule.this.state == "ENABLED"
    error_message = "The schedule does not start its target."
  }

  assert {
    condition     = aws_scheduler_schedule.this.target[0].input == "{}"
    error_message = "The input is an object, and empty where none is given."
  }
}

run "a_rate_is_taken" {
  command = plan

  variables {
    expression = "rate(1 hour)"
  }
}

run "a_field_too_few" {
  command = plan

  variables {
    expression = "cron(0 6 * * ?)"
  }

  expect_failures = [var.expression]
}

run "both_day_and_weekday" {
  command = plan

  variables {
    expression = "cron(0 6 * * * *)"
  }

  expect_failures = [var.expression]
}

run "a_word" {
  command = plan

  variables {
    expression = "daily"
  }

  expect_failures = [var.expression]
}

run "its_role_has_the_boundary" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn
    error_message = "The role goes beyond the boundary."
  }
}
