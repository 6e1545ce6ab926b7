variable "environment" {
  description = "Environment that the roles deploy, which is also its name in GitHub."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment is dev, staging or prod."
  }
}

variable "repository" {
  description = "Repository that may take the roles, as GitHub's tokens name it: `owner/name`, or `owner@1234/name@5678` with the numbers that no other repository ever gets."
  type        = string

  validation {
    condition     = can(regex("^([A-Za-z0-9-]+/[A-Za-z0-9._-]+|[A-Za-z0-9-]+@[0-9]+/[A-Za-z0-9._-]+@[0-9]+)$", var.repository))
    error_message = "repository is owner/name, or owner@number/name@number; no * and no other pattern."
  }
}

variable "branch" {
  description = "The one branch from which is deployed."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.branch))
    error_message = "branch is the name of one branch; no * and no other pattern."
  }
}

variable "region" {
  description = "Where the stacks are, which the roles see and change; other regions they do not."
  type        = string
  default     = "us-east-1"
}

variable "profile" {
  description = "Profile of the AWS CLI's configuration; null for the credentials of the environment."
  type        = string
  default     = null
}

variable "reuse_existing_provider" {
  description = "Take the provider of GitHub's tokens that is in the account, which holds one only; of several environments in an account, all but one."
  type        = bool
  default     = false
}

variable "source_bucket" {
  description = "Bucket with the event files, where that is none of the stack's own: functions may read it."
  type        = string
  default     = null

  validation {
    condition     = var.source_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.source_bucket))
    error_message = "source_bucket is the name of one bucket."
  }
}

variable "source_kms_key_arn" {
  description = "Key of the objects in `source_bucket`, where it is one of your own: functions may decrypt with it."
  type        = string
  default     = null

  validation {
    condition     = var.source_kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.source_kms_key_arn))
    error_message = "source_kms_key_arn is the ARN of a key, not that of an alias."
  }
}

variable "external_layer_arns" {
  description = "ARNs of layer versions of other accounts, where the stacks take such: functions may be made with them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.external_layer_arns : can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:layer:[^:*]+:[0-9]+$", arn))])
    error_message = "external_layer_arns holds ARNs of layer versions, each with its number; no *."
  }
}

variable "session_minutes" {
  description = "How long credentials of a role are good."
  type        = number
  default     = 60

  validation {
    condition     = var.session_minutes >= 60 && var.session_minutes <= 720
    error_message = "session_minutes is 60 to 720."
  }
}
