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

run "steps_lists_and_names" {
  command = plan

  variables {
    expression = "cron(0/15 6-18,20 ? JAN-MAR,12 MON-FRI 2026-2030)"
  }
}

run "the_last_working_day_of_a_month" {
  command = plan

  variables {
    expression = "cron(5 06 LW * ? *)"
  }
}

run "the_second_tuesday_of_a_month" {
  command = plan

  variables {
    expression = "cron(0 9 ? * 3#2 *)"
  }
}

run "several_days" {
  command = plan

  variables {
    expression = "rate(3 days)"
  }
}

run "an_hour_that_no_day_has" {
  command = plan

  variables {
    expression = "cron(0 25 * * ? *)"
  }

  expect_failures = [var.expression]
}

run "a_minute_that_no_hour_has" {
  command = plan

  variables {
    expression = "cron(60 6 * * ? *)"
  }

  expect_failures = [var.expression]
}

run "a_month_that_no_year_has" {
  command = plan

  variables {
    expression = "cron(0 6 * 13 ? *)"
  }

  expect_failures = [var.expression]
}

run "a_weekday_of_other_schedulers" {
  command = plan

  variables {
    expression = "cron(0 6 ? * 0 *)"
  }

  expect_failures = [var.expression]
}

run "a_question_where_none_may_be" {
  command = plan

  variables {
    expression = "cron(? 6 * * ? *)"
  }

  expect_failures = [var.expression]
}

run "neither_day_nor_weekday" {
  command = plan

  variables {
    expression = "cron(0 6 ? * ? *)"
  }

  expect_failures = [var.expression]
}

run "a_step_of_nothing" {
  command = plan

  variables {
    expression = "cron(0/0 6 * * ? *)"
  }

  expect_failures = [var.expression]
}

run "weekdays_in_steps" {
  command = plan

  variables {
    expression = "cron(0 6 ? * MON/2 *)"
  }

  expect_failures = [var.expression]
}

run "a_plural_of_one" {
  command = plan

  variables {
    expression = "rate(1 hours)"
  }

  expect_failures = [var.expression]
}

run "a_singular_of_more" {
  command = plan

  variables {
    expression = "rate(6 hour)"
  }

  expect_failures = [var.expression]
}

run "a_unit_that_is_none" {
  command = plan

  variables {
    expression = "rate(2 weeks)"
  }

  expect_failures = [var.expression]
}

run "a_rate_of_nothing" {
  command = plan

  variables {
    expression = "rate(0 hours)"
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
