variable "environment" {
  description = "Environment. It is part of all names and tags."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod", "local"], var.environment)
    error_message = "environment must be dev, staging, prod or local."
  }
}

variable "region" {
  description = "Region of all resources."
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

variable "contact" {
  description = "Your mail address or URL, sent with each request, so that the administrators of Patchwork and lore can reach you."
  type        = string

  validation {
    condition     = can(regex("^[ -'*-~]{3,}$", var.contact))
    error_message = "contact must be an address or a URL of at least 3 printable ASCII characters, without parentheses."
  }
}

variable "patchwork_url" {
  description = "URL of the Patchwork server; null for the value in `lambda/functions.json`."
  type        = string
  default     = null

  validation {
    condition     = var.patchwork_url == null || can(regex("^https?://[^ ]+$", var.patchwork_url))
    error_message = "patchwork_url must be a URL that begins with https:// or http://."
  }
}

variable "patchwork_project" {
  description = "Name of the project in Patchwork; null for the value in `lambda/functions.json`."
  type        = string
  default     = null
}

variable "lore_url" {
  description = "URL of the public-inbox archive; null for the value in `lambda/functions.json`."
  type        = string
  default     = null

  validation {
    condition     = var.lore_url == null || can(regex("^https?://[^ ]+$", var.lore_url))
    error_message = "lore_url must be a URL that begins with https:// or http://."
  }
}

variable "lore_list" {
  description = "Name of the mailing list in the archive; null for the value in `lambda/functions.json`."
  type        = string
  default     = null
}

variable "changes_schedule" {
  description = "When changes are read from Patchwork, in UTC."
  type        = string
  default     = "rate(1 hour)"
}

variable "refresh_schedule" {
  description = "When all open and recent patches are read again, in UTC."
  type        = string
  default     = "cron(0 3 * * ? *)"
}

variable "discussions_schedule" {
  description = "When the last weeks of the archive are read again, in UTC."
  type        = string
  default     = "cron(0 4 ? * SUN *)"
}

variable "schedule_enabled" {
  description = "Whether the schedules are enabled."
  type        = bool
  default     = true
}

variable "stale_hours" {
  description = "Number of hours without a successful run after which an alarm goes off. Must be longer than the interval of `changes_schedule`."
  type        = number
  default     = 6

  validation {
    condition     = var.stale_hours >= 1 && var.stale_hours <= 168 && floor(var.stale_hours) == var.stale_hours
    error_message = "stale_hours must be a whole number from 1 to 168, which is a week."
  }
}

variable "recovery_days" {
  description = "Number of past days for which the tables can be restored to any moment, 1 to 35."
  type        = number
  default     = 35
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
  default     = 30
}

variable "alarm_email_addresses" {
  description = "E-mail addresses that receive failure notifications and alarms."
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
  description = "ARNs of layer versions, by layer: powertools, http."
  type        = map(string)
  default     = {}
}

variable "force_layer_update" {
  description = "Change this text to publish new versions of all layers even if their content has not changed. If it is not empty, `reuse_existing_layers` has no effect."
  type        = string
  default     = ""
}

variable "extra_environment" {
  description = "Environment variables for all functions, such as `FIRST_DAYS`. They override all others."
  type        = map(string)
  default     = {}
}

variable "packages" {
  description = "Folder with the packages that Pants builds; null for `dist` in the repository."
  type        = string
  default     = null
}

variable "deletable" {
  description = "Let `destroy` delete tables, and buckets and their content. Do not set it in production."
  type        = bool
  default     = false

  validation {
    condition     = !(var.deletable && var.environment == "prod")
    error_message = "deletable must be false in production. Remove its tables and buckets by hand."
  }
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
