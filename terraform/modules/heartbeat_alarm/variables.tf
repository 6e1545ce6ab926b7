variable "name" {
  description = "Name of the alarm."
  type        = string
}

variable "description" {
  description = "What did not happen, such as `No report was published`."
  type        = string
}

variable "runbook" {
  description = "Its part of the runbook."
  type        = string
}

variable "namespace" {
  description = "Namespace of the metric."
  type        = string
}

variable "metric_name" {
  description = "Metric that is 1 or more in an hour in which it happened."
  type        = string
}

variable "dimensions" {
  description = "Dimensions of the metric."
  type        = map(string)
}

variable "statistic" {
  description = "Statistic of the metric."
  type        = string
  default     = "Sum"

  validation {
    condition     = contains(["Sum", "SampleCount"], var.statistic)
    error_message = "statistic is Sum or SampleCount."
  }
}

variable "hours" {
  description = "For how many hours it may not happen: as many as lie between two runs, and some more. CloudWatch looks back for a week."
  type        = number

  validation {
    condition     = var.hours >= 1 && var.hours <= 168 && floor(var.hours) == var.hours
    error_message = "hours is 1 to 168, which is a week."
  }
}

variable "topic_arn" {
  description = "Topic that is told, also when it happens again."
  type        = string
}
