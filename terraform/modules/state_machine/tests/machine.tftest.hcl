mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                     = "report"
  definition               = "{\"StartAt\":\"End\",\"States\":{\"End\":{\"Type\":\"Succeed\"}}}"
  policy_json              = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  kms_key_arn              = "arn:aws:kms:us-east-1:123456789012:key/1"
  log_retention_days       = 14
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
}

run "logs_and_traces_everything" {
  command = apply

  assert {
    condition     = aws_sfn_state_machine.this.logging_configuration[0].level == "ALL" && aws_sfn_state_machine.this.logging_configuration[0].log_destination == "arn:aws:logs:us-east-1:123456789012:log-group:any:*"
    error_message = "Some events are not logged."
  }

  assert {
    condition     = aws_sfn_state_machine.this.tracing_configuration[0].enabled && aws_cloudwatch_log_group.this.kms_key_id == var.kms_key_arn
    error_message = "The state machine is not traced, or its log is not encrypted."
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn && one(data.aws_iam_policy_document.trust.statement[0].condition).variable == "aws:SourceAccount"
    error_message = "The role accepts other accounts, or has no permissions boundary."
  }
}

run "rejects_a_definition_without_a_start" {
  command = plan

  variables {
    definition = "{\"States\":{}}"
  }

  expect_failures = [var.definition]
}

run "rejects_a_name_with_a_space" {
  command = plan

  variables {
    name = "region report"
  }

  expect_failures = [var.name]
}
