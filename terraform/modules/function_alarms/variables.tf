variable "function_name" {
  description = "Name of the function."
  type        = string
}

variable "timeout_seconds" {
  description = "Timeout of the function, in seconds."
  type        = number
}

variable "topic_arn" {
  description = "ARN of the topic that alarms are published to; null for none."
  type        = string
  default     = null
}

variable "duration_share" {
  description = "Share of the timeout, between 0 and 1, above which the alarm on the duration goes off."
  type        = number
  default     = 0.8

  validation {
    condition     = var.duration_share > 0 && var.duration_share < 1
    error_message = "duration_share must be between 0 and 1, such as 0.8."
  }
}
