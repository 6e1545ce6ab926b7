mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name            = "failure"
  kms_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/1"
  email_addresses = ["a@example.org", "b@example.org"]
}

run "sends_alarms_to_all_addresses" {
  command = apply

  assert {
    condition     = toset([for subscription in aws_sns_topic_subscription.email : subscription.endpoint]) == var.email_addresses
    error_message = "An address has no subscription."
  }

  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.kms_key_arn && output.arn == aws_sns_topic.this.arn
    error_message = "Messages are not encrypted."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.this.statement : one(statement.condition).variable if statement.effect != "Deny"]) == "aws:SourceAccount"
    error_message = "Alarms of other accounts could publish to the topic."
  }
}

run "rejects_an_invalid_address" {
  command = plan

  variables {
    email_addresses = ["somebody"]
  }

  expect_failures = [var.email_addresses]
}

run "rejects_a_name_with_a_dot" {
  command = plan

  variables {
    name = "failure.fifo"
  }

  expect_failures = [var.name]
}
