output "arn" {
  description = "ARN of the topic, once it takes messages of alarms."
  value       = aws_sns_topic_policy.this.arn
}
