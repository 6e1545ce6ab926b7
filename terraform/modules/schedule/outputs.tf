output "name" {
  description = "Name of the schedule."
  value       = aws_scheduler_schedule.this.name
}

output "role_name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}
