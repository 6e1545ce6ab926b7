output "arn" {
  description = "ARN of the layer version for functions to use."
  value       = local.reuses ? data.aws_lambda_layer_version.existing[0].arn : aws_lambda_layer_version.this[0].arn
}
