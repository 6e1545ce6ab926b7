variable "name" {
  description = "Name of the alarm."
  type        = string
}

variable "description" {
  description = "What did not happen, such as `No report was published`."
  type        = string
}

variable "runbook" {
  description = "Section of the runbook."
  type        = string
}

variable "namespace" {
  description = "Namespace of the metric."
  type        = string
}

variable "metric_name" {
  description = "Metric that is at least 1 in each hour in which the event happened."
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
    error_message = "statistic must be Sum or SampleCount."
  }
}

variable "hours" {
  description = "Number of hours without the event after which the alarm goes off. Must be longer than the interval between two runs, and at most 168: CloudWatch evaluates a week at most."
  type        = number

  validation {
    condition     = var.hours >= 1 && var.hours <= 168 && floor(var.hours) == var.hours
    error_message = "hours must be a whole number from 1 to 168, which is a week."
  }
}

variable "topic_arn" {
  description = "ARN of the topic to which the alarm and its end are published."
  type        = string
}
