mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                  = "daily"
  expression            = "cron(0 6 * * ? *)"
  target_arn            = "arn:aws:states:us-east-1:123456789012:stateMachine:any"
  target_action         = "states:StartExecution"
  dead_letter_queue_arn = "arn:aws:sqs:us-east-1:123456789012:any"
  kms_key_arn           = "arn:aws:kms:us-east-1:123456789012:key/1"
}

run "starts_its_target" {
  command = apply

  assert {
    condition     = aws_scheduler_schedule.this.target[0].arn == var.target_arn && aws_scheduler_schedule.this.state == "ENABLED"
    error_message = "The schedule does not start its target."
  }

  assert {
    condition     = aws_scheduler_schedule.this.target[0].input == "{}"
    error_message = "The default input must be an empty object."
  }
}

run "accepts_a_rate" {
  command = plan

  variables {
    expression = "rate(1 hour)"
  }
}

run "rejects_a_missing_field" {
  command = plan

  variables {
    expression = "cron(0 6 * * ?)"
  }

  expect_failures = [var.expression]
}

run "rejects_both_day_and_weekday" {
  command = plan

  variables {
    expression = "cron(0 6 * * * *)"
  }

  expect_failures = [var.expression]
}

run "rejects_a_word" {
  command = plan

  variables {
    expression = "daily"
  }

  expect_failures = [var.expression]
}

run "accepts_steps_lists_and_names" {
  command = plan

  variables {
    expression = "cron(0/15 6-18,20 ? JAN-MAR,12 MON-FRI 2026-2030)"
  }
}

run "accepts_the_last_working_day_of_a_month" {
  command = plan

  variables {
    expression = "cron(5 06 LW * ? *)"
  }
}

run "accepts_the_second_tuesday_of_a_month" {
  command = plan

  variables {
    expression = "cron(0 9 ? * 3#2 *)"
  }
}

run "accepts_several_days" {
  command = plan

  variables {
    expression = "rate(3 days)"
  }
}

run "rejects_hour_25" {
  command = plan

  variables {
    expression = "cron(0 25 * * ? *)"
  }

  expect_failures = [var.expression]
}

run "rejects_minute_60" {
  command = plan

  variables {
    expression = "cron(60 6 * * ? *)"
  }

  expect_failures = [var.expression]
}

run "rejects_month_13" {
  command = plan

  variables {
    expression = "cron(0 6 * 13 ? *)"
  }

  expect_failures = [var.expression]
}

run "rejects_weekday_0" {
  command = plan

  variables {
    expression = "cron(0 6 ? * 0 *)"
  }

  expect_failures = [var.expression]
}

run "rejects_a_question_mark_as_minute" {
  command = plan

  variables {
    expression = "cron(? 6 * * ? *)"
  }

  expect_failures = [var.expression]
}

run "rejects_neither_day_nor_weekday" {
  command = plan

  variables {
    expression = "cron(0 6 ? * ? *)"
  }

  expect_failures = [var.expression]
}

run "rejects_a_step_of_zero" {
  command = plan

  variables {
    expression = "cron(0/0 6 * * ? *)"
  }

  expect_failures = [var.expression]
}

run "rejects_steps_of_weekdays" {
  command = plan

  variables {
    expression = "cron(0 6 ? * MON/2 *)"
  }

  expect_failures = [var.expression]
}

run "rejects_the_plural_after_1" {
  command = plan

  variables {
    expression = "rate(1 hours)"
  }

  expect_failures = [var.expression]
}

run "rejects_the_singular_after_6" {
  command = plan

  variables {
    expression = "rate(6 hour)"
  }

  expect_failures = [var.expression]
}

run "rejects_an_unknown_unit" {
  command = plan

  variables {
    expression = "rate(2 weeks)"
  }

  expect_failures = [var.expression]
}

run "rejects_a_rate_of_zero" {
  command = plan

  variables {
    expression = "rate(0 hours)"
  }

  expect_failures = [var.expression]
}

run "applies_the_permissions_boundary" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn
    error_message = "The role has no permissions boundary."
  }
}
