output "plan_role_arn" {
  description = "Role of pull requests, which sees and changes nothing."
  value       = aws_iam_role.github["plan"].arn
}

output "apply_role_arn" {
  description = "Role of jobs in the environment, which deploys."
  value       = aws_iam_role.github["apply"].arn
}

output "permissions_boundary_arn" {
  description = "What no role that GitHub makes can go beyond: `permissions_boundary_arn` of the other stacks."
  value       = aws_iam_policy.boundary.arn
}

output "trusted_subjects" {
  description = "Subjects of tokens that each role takes."
  value       = local.subjects
}
