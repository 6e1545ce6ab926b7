mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "not-started"
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  topic_arn   = "arn:aws:sns:us-east-1:123456789012:failure"
}

run "keeps_messages_and_has_an_alarm" {
  command = apply

  assert {
    condition     = aws_sqs_queue.this.message_retention_seconds == 14 * 24 * 3600 && aws_sqs_queue.this.kms_master_key_id == var.kms_key_arn
    error_message = "Messages must be encrypted and kept for 14 days."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.depth.dimensions["QueueName"] == "not-started" && aws_cloudwatch_metric_alarm.depth.alarm_actions == toset([var.topic_arn])
    error_message = "The alarm must be published to the topic."
  }

  assert {
    condition     = data.aws_iam_policy_document.this.statement[0].effect == "Deny" && one(data.aws_iam_policy_document.this.statement[0].condition).variable == "aws:SecureTransport"
    error_message = "The queue must accept TLS only."
  }
}
