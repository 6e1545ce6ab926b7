output "alarm_names" {
  description = "Names of the alarms."
  value       = [for one in aws_cloudwatch_metric_alarm.this : one.alarm_name]
}
