output "plan_role_arn" {
  description = "ARN of the role for plans, which can read settings and change nothing."
  value       = aws_iam_role.github["plan"].arn
}

output "apply_role_arn" {
  description = "ARN of the role for deployments."
  value       = aws_iam_role.github["apply"].arn
}

output "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of all roles that deployments from GitHub create. Set it as `permissions_boundary_arn` in the other stacks."
  value       = aws_iam_policy.boundary.arn
}

output "trusted_subjects" {
  description = "Subjects of the tokens that each role accepts."
  value       = local.subjects
}
