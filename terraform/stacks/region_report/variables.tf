variable "environment" {
  description = "Environment. It is part of all names and tags."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod", "local"], var.environment)
    error_message = "environment must be dev, staging, prod or local."
  }
}

variable "region" {
  description = "Region of all resources. The public parameters are the same in each region."
  type        = string
  default     = "us-east-1"
}

variable "profile" {
  description = "Profile of the AWS CLI; null to use the credentials in environment variables."
  type        = string
  default     = null
}

variable "architecture" {
  description = "Processor architecture of the functions: `x86_64` or `arm64`."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "schedule" {
  description = "When the report is created, in UTC."
  type        = string
  default     = "cron(0 6 * * ? *)"
}

variable "schedule_enabled" {
  description = "Whether the schedule is enabled."
  type        = bool
  default     = true
}

variable "late_hours" {
  description = "Number of hours without a new report after which an alarm goes off. Must be longer than the interval of the schedule."
  type        = number
  default     = 26

  validation {
    condition     = var.late_hours >= 1 && var.late_hours <= 168 && floor(var.late_hours) == var.late_hours
    error_message = "late_hours must be a whole number from 1 to 168, which is a week."
  }
}

variable "max_cache_age_hours" {
  description = "Maximum age of cached data, in hours."
  type        = number
  default     = 1
}

variable "ssm_regions" {
  description = "Regions to spread the calls to SSM over, because each region has its own quota; empty to use the region of the stack."
  type        = list(string)
  default     = []
}

variable "memory_mb" {
  description = "Memory in MB, by function. Overrides `lambda/functions.json`."
  type        = map(number)
  default     = {}
}

variable "log_level" {
  description = "Lowest level that functions log."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], var.log_level)
    error_message = "log_level must be DEBUG, INFO, WARNING, ERROR or CRITICAL."
  }
}

variable "log_retention_days" {
  description = "Number of days to keep logs."
  type        = number
  default     = 14
}

variable "intermediate_days" {
  description = "Number of days to keep raw data, processed data and temporary reports."
  type        = number
  default     = 30
}

variable "alarm_email_addresses" {
  description = "E-mail addresses that receive failure notifications and alarms."
  type        = set(string)
  default     = []
}

variable "report_email_addresses" {
  description = "E-mail addresses that receive a message for each new report."
  type        = set(string)
  default     = []
}

variable "dashboard" {
  description = "Whether to create a dashboard. The first three in an account are free; each additional one costs 3 dollars a month."
  type        = bool
  default     = true
}

variable "live_versions" {
  description = "Published version that callers use, by function. Functions that are not listed use the latest. Set it to roll back."
  type        = map(string)
  default     = {}
}

variable "reuse_existing_layers" {
  description = "If another stack in this environment has registered a layer with the same content, use that one. Publish and register all other layers."
  type        = bool
  default     = false
}

variable "use_external_layer_arns" {
  description = "Use the layers in `external_layer_arns` and publish none."
  type        = bool
  default     = false
}

variable "external_layer_arns" {
  description = "ARNs of layer versions, by layer: powertools, data_processing, excel, http."
  type        = map(string)
  default     = {}
}

variable "force_layer_update" {
  description = "Change this text to publish new versions of all layers even if their content has not changed. If it is not empty, `reuse_existing_layers` has no effect."
  type        = string
  default     = ""
}

variable "packages" {
  description = "Folder with the packages that Pants builds; null for `dist` in the repository."
  type        = string
  default     = null
}

variable "deletable" {
  description = "Let `destroy` delete buckets and their content. Do not set it in production."
  type        = bool
  default     = false

  validation {
    condition     = !(var.deletable && var.environment == "prod")
    error_message = "deletable must be false in production. To remove its buckets, empty them by hand."
  }
}

variable "extra_environment" {
  description = "Environment variables for all functions. They override all others. The local cloud uses them to describe its data."
  type        = map(string)
  default     = {}
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of all roles; null for none. Deployments from GitHub can only create roles that have the boundary of the stack `github_oidc`."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[^:]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a policy."
  }
}
