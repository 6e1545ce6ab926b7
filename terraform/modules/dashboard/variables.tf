variable "name" {
  description = "Name of the dashboard."
  type        = string
}

variable "region" {
  description = "Region of the metrics."
  type        = string
}

variable "widgets" {
  description = "Widgets, in the order in which they are shown. A metric is a list of its namespace, its name, and the name and value of each dimension. `period` is in seconds."
  type = list(object({
    title   = string
    metrics = list(list(string))
    stat    = optional(string, "Sum")
    period  = optional(number, 3600)
  }))

  validation {
    condition     = alltrue(flatten([for widget in var.widgets : [for metric in widget.metrics : length(metric) >= 2 && length(metric) % 2 == 0]]))
    error_message = "A metric must be a list of its namespace, its name, and pairs of name and value of a dimension."
  }

  validation {
    condition     = alltrue([for widget in var.widgets : widget.period >= 60 && widget.period % 60 == 0])
    error_message = "period must be a multiple of 60 seconds."
  }
}
