output "arn" {
  description = "ARN of the topic. It is known once alarms may publish to the topic."
  value       = aws_sns_topic_policy.this.arn
}
