variable "environment" {
  description = "Environment that the roles deploy. GitHub has an environment with the same name."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod."
  }
}

variable "repository" {
  description = "Repository that may assume the roles, in the format of GitHub's tokens: `owner/name`, or `owner@1234/name@5678` with the IDs of owner and repository, which are never reused."
  type        = string

  validation {
    condition     = can(regex("^([A-Za-z0-9-]+/[A-Za-z0-9._-]+|[A-Za-z0-9-]+@[0-9]+/[A-Za-z0-9._-]+@[0-9]+)$", var.repository))
    error_message = "repository must be owner/name or owner@number/name@number, without * or other patterns."
  }
}

variable "branch" {
  description = "Branch that is deployed."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.branch))
    error_message = "branch must be the name of a branch, without * or other patterns."
  }
}

variable "region" {
  description = "Region of the stacks. The roles have no access to other regions."
  type        = string
  default     = "us-east-1"
}

variable "profile" {
  description = "Profile of the AWS CLI; null to use the credentials in environment variables."
  type        = string
  default     = null
}

variable "reuse_existing_provider" {
  description = "Use the identity provider for GitHub that already exists in the account. An account can have only one, so set this for every environment in the account except the first."
  type        = bool
  default     = false
}

variable "source_bucket" {
  description = "Name of the bucket with the event files, if the stack did not create it. Functions may read it."
  type        = string
  default     = null

  validation {
    condition     = var.source_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.source_bucket))
    error_message = "source_bucket must be the name of a bucket."
  }
}

variable "source_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the objects in `source_bucket`, if S3 does not manage the key. Functions may decrypt with it."
  type        = string
  default     = null

  validation {
    condition     = var.source_kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.source_kms_key_arn))
    error_message = "source_kms_key_arn must be the ARN of a key, not of an alias."
  }
}

variable "external_layer_arns" {
  description = "ARNs of layer versions in other accounts that functions may use."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.external_layer_arns : can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:layer:[^:*]+:[0-9]+$", arn))])
    error_message = "external_layer_arns must contain ARNs of layer versions with their numbers, without *."
  }
}

variable "session_minutes" {
  description = "Number of minutes for which credentials of a role are valid."
  type        = number
  default     = 60

  validation {
    condition     = var.session_minutes >= 60 && var.session_minutes <= 720
    error_message = "session_minutes must be 60 to 720."
  }
}
