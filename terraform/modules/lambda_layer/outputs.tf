output "arn" {
  description = "ARN of the layer version that functions take."
  value       = var.external_arn != null ? var.external_arn : var.reuse_existing ? data.aws_lambda_layer_version.existing[0].arn : aws_lambda_layer_version.this[0].arn
}
