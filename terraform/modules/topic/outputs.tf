output "arn" {
  description = "ARN of the topic, available once alarms may publish to the topic."
  value       = aws_sns_topic_policy.this.arn
}
